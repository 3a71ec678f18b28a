#!/bin/sh
# Brings a fleet up at every boot of a VM: put it where the metadata service takes its startup script from, with the
# values below set for your fleet (or pass them in the environment). It may run at every boot, any number of times, and
# twice at once: `fleetctl spawn` starts what is missing up to the target of the spec, and nothing twice.
# The host itself is prepared once, by `fleetctl install`; `fleetctl doctor` finds a second script that spawns as well.
set -eu

# The spec: what the fleet is, and how many agents it has. The target in it is set again at every boot.
FLEET_SPEC=${FLEET_SPEC:-/etc/fleet/fleet.yaml}
# What agents register with, as HOST:PORT ([HOST]:PORT for an IPv6 address); empty: nothing to wait for but the network.
FLEET_REGISTRY=${FLEET_REGISTRY:-}
# How long to wait for both together, in seconds.
FLEET_WAIT_SECONDS=${FLEET_WAIT_SECONDS:-300}
# The command, where it is not in PATH.
FLEETCTL=${FLEETCTL:-fleetctl}

# Startup scripts are given little or no environment.
PATH=${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH

say() {
  echo "fleet startup: $*" >&2
}

fail() {
  say "$1"
  exit "$2"
}

# Whether there is a way out: a default route, IPv4 or IPv6. The kernel's unreachable IPv6 default is on lo.
has_route() {
  grep -q '^[^[:space:]]*[[:space:]]00000000[[:space:]].*[[:space:]]00000000[[:space:]]' /proc/net/route 2>/dev/null ||
    grep '^0\{32\} 00 ' /proc/net/ipv6_route 2>/dev/null | grep -qv '[[:space:]]lo$'
}

# Whether the registry takes a connection. By the Node that fleetctl runs on, since nothing else (nc, curl, bash) is
# sure to be there. It waits 5 seconds at most, for the name too.
has_registry() {
  "$with_node" -e '
    const [host, port] = process.argv.slice(1);
    const socket = require("node:net").connect({ host, port: Number(port) });
    setTimeout(() => process.exit(1), 5000).unref();
    socket.on("connect", () => process.exit(0));
    socket.on("error", () => process.exit(1));
  ' "$registry_host" "$registry_port" 2>/dev/null
}

# wait_for WHAT HINT COMMAND…: until the command succeeds, or the time is over.
wait_for() {
  what=$1
  hint=$2
  shift 2
  said=
  until "$@"; do
    if [ "$(uptime_seconds)" -ge "$deadline" ]; then
      fail "no $what within $FLEET_WAIT_SECONDS s; no agent was started. $hint" 1
    fi
    [ -n "$said" ] || say "waiting for $what, up to $FLEET_WAIT_SECONDS s"
    said=yes
    sleep 1
  done
}

# A clock that does not jump when the time is set during the boot.
uptime_seconds() {
  cut -d. -f1 /proc/uptime
}

fleetctl=$(command -v "$FLEETCTL") ||
  fail "there is no $FLEETCTL in $PATH. Install fleetd, or set FLEETCTL to its path." 1
with_node=$(dirname -- "$(readlink -f -- "$fleetctl")")/with-node
[ -x "$with_node" ] || fail "$fleetctl is not the one of the fleetd package: there is no $with_node." 1
[ -r "$FLEET_SPEC" ] || fail "cannot read $FLEET_SPEC. Set FLEET_SPEC to the path of the fleet's spec." 2
case $FLEET_WAIT_SECONDS in
  '' | *[!0-9]*) fail "FLEET_WAIT_SECONDS is $FLEET_WAIT_SECONDS; it must be a whole number of seconds." 2 ;;
esac

deadline=$(($(uptime_seconds) + FLEET_WAIT_SECONDS))
if [ -n "$FLEET_REGISTRY" ]; then
  registry_host=${FLEET_REGISTRY%:*}
  registry_host=${registry_host#\[}
  registry_host=${registry_host%\]}
  registry_port=${FLEET_REGISTRY##*:}
  case $registry_port in
    '' | *[!0-9]*) fail "FLEET_REGISTRY is $FLEET_REGISTRY; it must be HOST:PORT." 2 ;;
  esac
fi
wait_for 'network (a default route)' 'See: ip route.' has_route
if [ -n "$FLEET_REGISTRY" ]; then
  wait_for "registry at $FLEET_REGISTRY" 'Is it up, and does a firewall let this host through?' has_registry
fi

exec "$fleetctl" spawn -f "$FLEET_SPEC"
