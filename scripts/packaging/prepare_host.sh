#!/bin/sh
# Lets a host carry the traffic of a Firezone gateway: it forwards packets, lets
# those of the tunnel pass the firewall, and translates clients' addresses to
# its own. Run as root after each boot, before the gateway; running it again
# changes nothing. Needs nftables.
#
# Undo: nft delete table inet firezone
set -eu

tunnel=tun-firezone

enable() {
  # A host without a family has no such setting, and needs none.
  if [ -e "/proc/sys/net/$1" ]; then echo "$2" > "/proc/sys/net/$1"; fi
}
enable ipv4/ip_forward 1
enable ipv4/conf/all/src_valid_mark 1
enable ipv6/conf/all/disable_ipv6 0
enable ipv6/conf/all/forwarding 1
enable ipv6/conf/default/forwarding 1

# One transaction: the table is replaced, never missing.
nft -f - <<RULES
table inet firezone
delete table inet firezone
table inet firezone {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    ip saddr 100.64.0.0/11 oifname != "$tunnel" masquerade
    ip6 saddr fd00:2021:1111::/107 oifname != "$tunnel" masquerade
  }
}
RULES

# Docker and others drop what they do not know. Their table has to hear of us.
for iptables in iptables ip6tables; do
  if ! command -v "$iptables" > /dev/null; then continue; fi
  for direction in -i -o; do
    "$iptables" -C FORWARD "$direction" "$tunnel" -j ACCEPT 2> /dev/null ||
      "$iptables" -I FORWARD 1 "$direction" "$tunnel" -j ACCEPT
  done
done
