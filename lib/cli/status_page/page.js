// Fills the status page, once a second. Everything from the gateway becomes
// text of an element, never markup: names of resources and users can hold
// anything. The functions of quantities.ts and chart.ts come before this.
/* global axisLimit, formatBitRate, formatBytes, formatDuration, formatMilliseconds, linePath */

const INTERVAL_MS = 1_000;
const ANSWER_LIMIT_MS = 3_000;
const SPAN_MS = 600_000;
const SAMPLE_LIMIT = 600;

let samples = [];
let lastAnswerAt = Date.now();

const charts = [
  {
    id: "throughput",
    title: "Throughput",
    lines: [
      { label: "from clients", value: (it) => it.receivedRate * 8 },
      { label: "to clients", value: (it) => it.sentRate * 8 },
    ],
    least: 1_000,
    format: formatBitRate,
  },
  {
    id: "paths",
    title: "Connected clients",
    lines: [
      { label: "direct", value: (it) => it.direct },
      { label: "relayed", value: (it) => it.relayed },
    ],
    least: 5,
    format: String,
  },
  {
    id: "saturation",
    title: "Saturation",
    lines: [{ label: "busy", value: (it) => it.saturation }],
    least: 1,
    format: percent,
  },
].map(makeChart);

void follow();

async function follow() {
  for (;;) {
    try {
      await update();
      lastAnswerAt = Date.now();
      noteContact(undefined);
    } catch (error) {
      noteContact(error);
    }
    await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
  }
}

async function update() {
  const since = samples.at(-1)?.at ?? 0;
  const signal = AbortSignal.timeout(ANSWER_LIMIT_MS);
  const response = await fetch(`/status.json?since=${since}`, { signal });
  if (!response.ok) throw new Error(`status ${response.status}`);
  const { status, history, peerCount } = await response.json();
  const isClockSetBack = status.now < since;
  samples = isClockSetBack ? [] : [...samples, ...history].slice(-SAMPLE_LIMIT);
  showHeader(status);
  showOverview(status);
  for (const show of charts) show(status.now);
  showPeers(status, peerCount);
  showRelays(status);
  showDrops(status);
}

/** Says so when the gateway does not answer: what is shown is old then. */
function noteContact(error) {
  const isLost = error !== undefined;
  document.body.classList.toggle("stale", isLost);
  const banner = byId("lost");
  banner.hidden = !isLost;
  if (!isLost) return;
  const age = formatDuration(Date.now() - lastAnswerAt);
  setText(
    banner,
    `No contact with the gateway for ${age}. What you see is old.`,
  );
  setBadge("no contact", "bad");
}

function showHeader({ version, uptimeMs, readiness, drain }) {
  setText(byId("about"), `version ${version}, up ${formatDuration(uptimeMs)}`);
  const missing = readiness.checks.filter((it) => !it.ok)
    .map((it) => `${it.name} ${it.detail}`);
  if (drain) setBadge(`draining: ${drain.clientsLeft} clients left`, "bad");
  else if (readiness.ready) setBadge("ready", "good");
  else setBadge(`not ready: ${missing.join(", ")}`, "bad");
}

function setBadge(text, kind) {
  const badge = byId("state");
  setText(badge, text);
  badge.className = `badge ${kind}`;
}

function showOverview({ portal, interface: link, load, traffic, now }) {
  const since = formatDuration(now - portal.since);
  const failure = !portal.joined && portal.lastFailure
    ? `: ${portal.lastFailure}`
    : "";
  setTerm(
    "Portal",
    `${portal.joined ? "joined" : "not joined"} for ${since}${failure}`,
    !portal.joined,
  );
  setTerm(
    "Interface",
    [`${link.name} ${link.state}`, ...link.addresses].join(", "),
    link.state !== "up",
  );
  setTerm(
    "Saturation (above 80 % for long: add a gateway)",
    percent(load.saturation),
    load.saturation > 0.8,
    load.saturation,
  );
  setTerm(
    "Load",
    `${load.cpuShare.toFixed(2)} processors, ${
      formatBytes(load.residentBytes)
    } memory`,
  );
  setTerm(
    "Traffic since the start",
    `${formatBytes(traffic.bytesReceived)} from clients, ${
      formatBytes(traffic.bytesSent)
    } to clients`,
  );
}

function setTerm(label, text, isBad = false, share = undefined) {
  const list = byId("overview");
  const entry = keyed(list, label, () =>
    make("div", {}, [
      make("dt", {}, [label]),
      make("dd"),
      ...(share === undefined ? [] : [
        make("meter", {
          max: 1,
          low: 0.6,
          high: 0.8,
          optimum: 0,
          "aria-label": label,
        }),
      ]),
    ]));
  const value = entry.querySelector("dd");
  setText(value, text);
  value.classList.toggle("bad", isBad);
  const meter = entry.querySelector("meter");
  if (meter) meter.value = share;
}

function makeChart({ id, title, lines, least, format }) {
  const width = 600;
  const height = 120;
  const paths = lines.map((_, i) => svg("path", { class: i ? "two" : "one" }));
  const drawing = svg("svg", {
    viewBox: `0 0 ${width} ${height}`,
    preserveAspectRatio: "none",
    role: "img",
  }, [
    svg("path", {
      class: "grid",
      d: `M0 0H${width}M0 60H${width}M0 120H${width}`,
    }),
    ...paths,
  ]);
  const legend = lines.map((_, i) =>
    make("span", { class: i ? "second" : "first" })
  );
  const upper = make("span");
  byId(id).append(
    make("figcaption", {}, [make("strong", {}, [title]), ...legend, upper]),
    drawing,
    make("div", { class: "axis" }, [
      make("span", {}, ["10 min ago"]),
      make("span", {}, ["now"]),
    ]),
  );
  return (now) => {
    const rows = lines.map(({ value }) =>
      samples.map((it) => ({ at: it.at, value: value(it) }))
    );
    const greatest = Math.max(0, ...rows.flat().map((it) => it.value));
    const limit = axisLimit(greatest, least);
    const frame = { from: now - SPAN_MS, to: now, limit, width, height };
    rows.forEach((points, i) =>
      paths[i].setAttribute("d", linePath(points, frame))
    );
    const texts = lines.map(({ label }, i) =>
      `${label} ${format(rows[i].at(-1)?.value ?? 0)}`
    );
    texts.forEach((text, i) => setText(legend[i], text));
    setText(upper, `scale to ${format(limit)}`);
    drawing.setAttribute("aria-label", `${title}: ${texts.join(", ")}`);
  };
}

function showPeers({ peers, now }, peerCount) {
  const shown = peers.length < peerCount
    ? `${peers.length} of ${peerCount}; firezone-gateway status lists all`
    : `${peerCount}`;
  setText(byId("peer-count"), shown);
  fillTable(
    "peers",
    peers.map((peer) => ({
      key: peer.client,
      cells: peerCells(peer, now),
    })),
    "No clients",
  );
}

function peerCells(peer, now) {
  const { connection, lastDrop } = peer;
  const path = connection?.path ?? connection?.stage ?? "not connected";
  const relay = connection?.relay ? [`by relay ${connection.relay}`] : [];
  const age = connection?.handshakeAgeMs ?? null;
  return [
    [peer.user ?? "unknown user", peer.client, peer.addresses.join(", ")],
    [path, connection?.remote ?? "", ...relay],
    [formatMilliseconds(connection?.roundTripMs ?? null)],
    [age === null ? "-" : `${formatDuration(age)} ago`],
    [formatBytes(connection?.traffic.bytesReceived ?? 0)],
    [formatBytes(connection?.traffic.bytesSent ?? 0)],
    {
      summary: `${peer.authorizations.length}`,
      items: peer.authorizations.map((it) => authorization(it, now)),
    },
    lastDrop
      ? [
        `${peer.drops}`,
        `${lastDrop.reason}, ${formatDuration(lastDrop.ageMs)} ago`,
      ]
      : ["0"],
  ];
}

function authorization({ name, kind, address, expiresAt }, now) {
  const end = expiresAt === null
    ? "no end"
    : `ends in ${formatDuration(Math.max(0, expiresAt - now))}`;
  return `${name} (${kind}${address === null ? "" : ` ${address}`}), ${end}`;
}

function showRelays({ relays }) {
  fillTable(
    "relays",
    relays.map((it) => ({
      key: it.id,
      cells: [
        [it.addresses.join(", "), it.id],
        [it.state],
        [formatMilliseconds(it.roundTripMs)],
        [it.allocated.join(", ") || "-"],
      ],
    })),
    "No relays",
  );
}

function showDrops({ drops }) {
  fillTable(
    "drops",
    drops.map(({ source, reason, count }) => ({
      key: `${source} ${reason}`,
      cells: [[source], [reason], [String(count)]],
    })),
    "Nothing was dropped",
  );
}

/** Fills a table row by row and leaves rows that stay where they are, with their focus and their open lists. */
function fillTable(id, rows, whenEmpty) {
  const table = byId(id);
  const [body] = table.tBodies;
  const labels = [...table.tHead.rows[0].cells].map((it) => it.textContent);
  const entries = rows.length > 0
    ? rows
    : [{ key: "\0empty", cells: [[whenEmpty]] }];
  const keys = new Set(entries.map(({ key }) => key));
  for (const row of [...body.rows]) {
    if (!keys.has(row.dataset.key)) row.remove();
  }
  entries.forEach(({ key, cells }, at) => {
    const row = keyed(
      body,
      key,
      () =>
        make(
          "tr",
          {},
          cells.map((_, i) => make("td", { "data-label": labels[i] })),
        ),
    );
    if (body.rows[at] !== row) body.insertBefore(row, body.rows[at] ?? null);
    if (rows.length === 0) row.cells[0].colSpan = labels.length;
    cells.forEach((cell, i) => fillCell(row.cells[i], cell));
  });
}

function fillCell(cell, content) {
  if (!Array.isArray(content)) return fillList(cell, content);
  const lines = content.filter((line) => line !== "");
  while (cell.children.length > lines.length) cell.lastElementChild.remove();
  lines.forEach((line, i) => {
    const place = cell.children[i] ?? cell.appendChild(make("span"));
    place.classList.toggle("quiet", i > 0);
    setText(place, line);
  });
}

function fillList(cell, { summary, items }) {
  if (!cell.firstElementChild) {
    cell.append(make("details", {}, [make("summary"), make("ul")]));
  }
  setText(cell.querySelector("summary"), summary);
  const list = cell.querySelector("ul");
  while (list.children.length > items.length) list.lastElementChild.remove();
  items.forEach((item, i) =>
    setText(list.children[i] ?? list.appendChild(make("li")), item)
  );
}

/** Returns the child of this name, or makes it. */
function keyed(parent, key, create) {
  const found = [...parent.children].find((it) => it.dataset.key === key);
  if (found) return found;
  const made = parent.appendChild(create());
  made.dataset.key = key;
  return made;
}

function make(name, attributes = {}, children = []) {
  return furnish(document.createElement(name), attributes, children);
}

function svg(name, attributes = {}, children = []) {
  const space = "http://www.w3.org/2000/svg";
  return furnish(document.createElementNS(space, name), attributes, children);
}

function furnish(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function percent(share) {
  return `${Math.round(share * 100)} %`;
}

function byId(id) {
  return document.getElementById(id);
}
