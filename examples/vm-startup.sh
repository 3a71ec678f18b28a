#!/bin/sh
# Starts a fleet at every boot of a VM: set it as the startup script in the metadata service, with the values below set for
# your fleet (or pass them in the environment). It may run at every boot, any number of times, and twice at once:
# `fleetctl spawn` starts what is missing up to the target of the spec, and nothing twice.
# `fleetctl install` prepares the host itself, once; `fleetctl doctor` finds another script that also spawns.
set -eu

# The spec of the fleet. Its target is set again at every boot.
FLEET_SPEC=${FLEET_SPEC:-/etc/fleet/fleet.yaml}
# The registry of the agents, as HOST:PORT ([HOST]:PORT for an IPv6 address); if empty, the script waits only for the network.
FLEET_REGISTRY=${FLEET_REGISTRY:-}
# How long to wait for both together, in seconds.
FLEET_WAIT_SECONDS=${FLEET_WAIT_SECONDS:-300}
# The command, if it is not in PATH.
FLEETCTL=${FLEETCTL:-fleetctl}

# Startup scripts get little or no environment.
PATH=${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH

say() {
  echo "fleet startup: $*" >&2
}

fail() {
  say "$1"
  exit "$2"
}

# Whether there is a default route, IPv4 or IPv6. The kernel's unreachable IPv6 default is on lo.
has_route() {
  grep -q '^[^[:space:]]*[[:space:]]00000000[[:space:]].*[[:space:]]00000000[[:space:]]' /proc/net/route 2>/dev/null ||
    grep '^0\{32\} 00 ' /proc/net/ipv6_route 2>/dev/null | grep -qv '[[:space:]]lo$'
}

# Whether the registry accepts a connection. This uses the Node of fleetctl, because no other tool (nc, curl, bash) is
# certain to exist. It waits at most 5 seconds, name resolution included.
has_registry() {
  "$with_node" -e '
    const [host, port] = process.argv.slice(1);
    const socket = require("node:net").connect({ host, port: Number(port) });
    setTimeout(() => process.exit(1), 5000).unref();
    socket.on("connect", () => process.exit(0));
    socket.on("error", () => process.exit(1));
  ' "$registry_host" "$registry_port" 2>/dev/null
}

# wait_for WHAT HINT COMMAND…: waits until the command succeeds; fails after the deadline.
wait_for() {
  what=$1
  hint=$2
  shift 2
  announced=
  until "$@"; do
    if [ "$(uptime_seconds)" -ge "$deadline" ]; then
      fail "no $what within $FLEET_WAIT_SECONDS s; no agent was started. $hint" 1
    fi
    [ -n "$announced" ] || say "waiting for $what, up to $FLEET_WAIT_SECONDS s"
    announced=yes
    sleep 1
  done
}

# A clock that does not jump when the time is set during boot.
uptime_seconds() {
  cut -d. -f1 /proc/uptime
}

fleetctl=$(command -v "$FLEETCTL") ||
  fail "$FLEETCTL is not in $PATH. Install fleetd, or set FLEETCTL to its path." 1
with_node=$(dirname -- "$(readlink -f -- "$fleetctl")")/with-node
[ -x "$with_node" ] || fail "$fleetctl does not belong to the fleetd package: there is no $with_node." 1
[ -r "$FLEET_SPEC" ] || fail "cannot read $FLEET_SPEC. Set FLEET_SPEC to the path of the fleet's spec." 2
case $FLEET_WAIT_SECONDS in
  '' | *[!0-9]*) fail "FLEET_WAIT_SECONDS must be a whole number of seconds, found \"$FLEET_WAIT_SECONDS\"." 2 ;;
esac

deadline=$(($(uptime_seconds) + FLEET_WAIT_SECONDS))
if [ -n "$FLEET_REGISTRY" ]; then
  registry_host=${FLEET_REGISTRY%:*}
  registry_host=${registry_host#\[}
  registry_host=${registry_host%\]}
  registry_port=${FLEET_REGISTRY##*:}
  case $registry_port in
    '' | *[!0-9]*) fail "FLEET_REGISTRY must be HOST:PORT, found \"$FLEET_REGISTRY\"." 2 ;;
  esac
fi
wait_for 'network (a default route)' 'See: ip route.' has_route
if [ -n "$FLEET_REGISTRY" ]; then
  wait_for "registry at $FLEET_REGISTRY" 'Check that it runs, and that no firewall blocks this host.' has_registry
fi

exec "$fleetctl" spawn -f "$FLEET_SPEC"
