#!/bin/sh
# Installs or upgrades the Firezone gateway @VERSION@ on a host with systemd.
#
#   sudo FIREZONE_ID=edge-1 sh install.sh             asks for the token
#   sudo FIREZONE_ID=edge-1 sh install.sh < token.txt
#   sudo sh install.sh                                upgrades; token and id stay
#   sudo sh install.sh --uninstall
#
# FIREZONE_GATEWAY_SOURCE: folder or URL that the executable comes from.
# DESTDIR: install below this folder and start nothing.
#
# A unit of Firezone's own install script is replaced; its token and id are kept.
set -eu

version='@VERSION@'
source_url="${FIREZONE_GATEWAY_SOURCE:-@SOURCE@}"
sha256_amd64='@SHA256_AMD64@'
sha256_arm64='@SHA256_ARM64@'

root="${DESTDIR:-}"
program="$root/usr/local/bin/firezone-gateway"
unit="$root/etc/systemd/system/firezone-gateway.service"
settings="$root/etc/firezone/gateway-env"
token_file="$root/etc/firezone/gateway-token"
oldest_systemd=247

complain() {
  echo "install.sh: $1" >&2
  exit 1
}

systemctl_if_live() {
  if [ -z "$root" ]; then systemctl "$@"; fi
}

check_host() {
  if [ -z "$root" ] && [ "$(id -u)" != 0 ]; then
    complain "Cannot install as an ordinary user: run it with sudo"
  fi
  found="$(systemctl --version 2> /dev/null | sed -n '1s/^systemd \([0-9]*\).*/\1/p')"
  if [ -z "$found" ]; then
    complain "Cannot find systemd: download firezone-gateway and run it by your own supervisor"
  fi
  if [ "$found" -lt "$oldest_systemd" ]; then
    complain "Cannot keep the token safe with systemd $found: $oldest_systemd or later is needed"
  fi
  case "$(uname -m)" in
    x86_64) architecture=amd64 checksum="$sha256_amd64" ;;
    aarch64) architecture=arm64 checksum="$sha256_arm64" ;;
    *) complain "There is no executable for $(uname -m), only for x86_64 and aarch64" ;;
  esac
  if [ -z "$checksum" ]; then
    complain "Version $version was released without an executable for $(uname -m)"
  fi
}

# Sets token and id from what is installed, unless they are given.
find_settings() {
  id="${FIREZONE_ID:-}"
  token="${FIREZONE_TOKEN:-}"
  if [ -f "$unit" ]; then
    : "${token:=$(legacy_value FIREZONE_TOKEN)}"
    : "${id:=$(legacy_value FIREZONE_ID)}"
    : "${api_url:=$(legacy_value FIREZONE_API_URL)}"
  fi
  if [ -n "$token" ] || [ -s "$token_file" ]; then return; fi
  if [ -t 0 ]; then
    printf 'Token from the portal (it stays hidden): ' >&2
    trap 'stty echo' EXIT
    stty -echo
    IFS= read -r token || true
    stty echo
    trap - EXIT
    echo >&2
  else
    token="$(cat)"
  fi
  token="$(printf %s "$token" | tr -d '[:space:]')"
  if [ -z "$token" ]; then
    complain "Cannot go on without a token: create one in the portal and give it on standard input"
  fi
}

# The value of an inline Environment= of an older unit.
legacy_value() {
  sed -n "s/^Environment=\"\{0,1\}$1=\([^\"]*\)\"\{0,1\}\$/\1/p" "$unit" | tail -n 1
}

fetch() {
  work="$(mktemp -d)"
  trap 'rm -rf "$work"' EXIT
  name="firezone-gateway-linux-$architecture"
  case "$source_url" in
    http://* | https://*)
      if command -v curl > /dev/null; then
        curl -fsSL --retry 3 -o "$work/$name" "$source_url/$name"
      else
        wget -q -O "$work/$name" "$source_url/$name"
      fi
      ;;
    *) cp "$source_url/$name" "$work/$name" ;;
  esac || complain "Cannot fetch $source_url/$name"
  actual="$(sha256sum "$work/$name" | cut -d ' ' -f 1)"
  if [ "$actual" != "$checksum" ]; then
    complain "Refused $source_url/$name: its SHA-256 sum is $actual, not $checksum"
  fi
}

install_files() {
  if [ -z "$root" ] && ! getent passwd firezone > /dev/null; then
    useradd --system --home-dir /var/lib/firezone --shell /usr/sbin/nologin firezone
  fi
  install -d -m 0755 "$(dirname "$program")" "$(dirname "$unit")" "$root/etc/firezone"
  install -m 0755 "$work/$name" "$program.new"
  mv "$program.new" "$program" # A running one keeps its file.
  if [ -n "$token" ]; then
    (umask 277 && rm -f "$token_file.new" && printf %s "$token" > "$token_file.new")
    mv "$token_file.new" "$token_file"
  fi
  if [ ! -f "$settings" ]; then print_settings > "$settings"; fi
  if [ -n "$id" ]; then keep_setting FIREZONE_ID "$id"; fi
  if [ -n "${api_url:-}" ]; then keep_setting FIREZONE_API_URL "$api_url"; fi
  chmod 0644 "$settings"
  print_unit > "$unit"
  chmod 0644 "$unit"
}

keep_setting() {
  grep -v "^$1=" "$settings" > "$settings.new" || true
  printf '%s=%s\n' "$1" "$2" >> "$settings.new"
  mv "$settings.new" "$settings"
}

start() {
  systemctl_if_live daemon-reload
  systemctl_if_live enable --quiet firezone-gateway.service
  systemctl_if_live restart firezone-gateway.service
  echo "Firezone gateway $version is installed. See how it does: systemctl status firezone-gateway"
}

uninstall() {
  systemctl_if_live disable --quiet --now firezone-gateway.service || true
  rm -f "$program" "$unit" "$token_file"
  systemctl_if_live daemon-reload
  echo "Firezone gateway is gone. Kept: $settings and $root/var/lib/firezone (its identity)"
}

print_settings() {
  cat << 'SETTINGS'
@SETTINGS@
SETTINGS
}

print_unit() {
  cat << 'UNIT'
@UNIT@
UNIT
}

case "${1:-}" in
  '')
    check_host
    find_settings
    fetch
    install_files
    start
    ;;
  --uninstall) uninstall ;;
  *)
    echo "Usage: install.sh [--uninstall]" >&2
    exit 2
    ;;
esac
