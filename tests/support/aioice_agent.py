"""One side of an ICE connection by aioice, driven by lines of JSON.

The first argument holds the options. Commands come on standard input, events
leave on standard output. Ends when standard input does.
"""

import asyncio
import json
import sys

import aioice


def say(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


def socket_address(candidate):
    return f"{candidate.host} {candidate.port}"


def connection_of(options):
    # Otherwise aioice leaves out loopback addresses, the only ones tests may use.
    aioice.ice.get_host_addresses = lambda **_: options["addresses"]
    # Consent is asked for every 5 s; tests have less patience.
    aioice.ice.CONSENT_INTERVAL = options["consentSeconds"]
    aioice.stun.RETRY_RTO = options["retrySeconds"]
    relay = options.get("relay")
    via_relay = relay and {
        "turn_server": ("127.0.0.1", relay["port"]),
        "turn_username": relay["username"],
        "turn_password": relay["password"],
    }
    connection = aioice.Connection(
        ice_controlling=options["controlling"], **(via_relay or {})
    )
    connection.local_username = options["username"]
    connection.local_password = options["password"]
    connection.remote_username = options["remoteUsername"]
    connection.remote_password = options["remotePassword"]
    return connection


async def connect(connection):
    say("checking")
    try:
        await connection.connect()
    except ConnectionError as error:
        return say("failed", reason=str(error))
    pair = connection._nominated[1]
    say(
        "connected",
        remote=socket_address(pair.remote_candidate),
        remoteKind=pair.remote_candidate.type,
    )
    try:
        while True:
            say("data", text=(await connection.recv()).decode("utf8", "replace"))
    except ConnectionError:
        say("closed")


async def obey(connection, command, tasks):
    if "candidate" in command:
        line = command["candidate"].removeprefix("candidate:")
        await connection.add_remote_candidate(aioice.Candidate.from_sdp(line))
    elif "connect" in command:
        tasks.append(asyncio.ensure_future(connect(connection)))
    elif "send" in command:
        await connection.send(command["send"].encode("utf8"))


async def main():
    connection = connection_of(json.loads(sys.argv[1]))
    await connection.gather_candidates()
    candidates = [candidate.to_sdp() for candidate in connection.local_candidates]
    say("gathered", candidates=candidates)

    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    tasks = []
    while line := await reader.readline():
        await obey(connection, json.loads(line), tasks)
    for task in tasks:
        task.cancel()
    await connection.close()


asyncio.run(main())
