# Limits of the host and of agents: a user's TasksMax before and after install, memory.max, the end of a session.
. /run/payload/lib.sh
stage=$(stage)
install_package
AS_USER='systemd-run --quiet --pipe --wait --uid=1000 --slice=user-1000.slice --setenv=HOME=/home/ann --setenv=PATH='$PATH

# A fleet of user 1000, in his slice, and what the doctor says of it. $1: before or after
fleet_of_user() {
  $AS_USER fleetctl doctor --agents 200 >/tmp/doctor 2>&1
  tell "$1-doctor" "$? $(grep -m1 'pids.max of user-1000.slice\|user-1000.slice' /tmp/doctor | tr -s ' ')"
}

if [ "$stage" = 1 ]; then
  echo 'ann:x:1000:1000::/home/ann:/bin/sh' >>/etc/passwd
  mkdir -p /home/ann /etc/systemd/system/user-.slice.d
  chown 1000:1000 /home/ann
  # What distributions ship is a third of all pids; less, so that emulation gets there.
  printf '[Slice]\nTasksMax=150\n' >/etc/systemd/system/user-.slice.d/10-defaults.conf
  systemctl daemon-reload
  fleet_of_user before
  $AS_USER fleetctl spawn 200 --parallel 50 -- sleep 1000 >/tmp/refused 2>&1
  tell before-spawn "$? $(grep -m1 FLEET_ /tmp/refused)"
  fleetctl install --agents 200 >/tmp/install.out 2>&1
  tell install-code $?
  reboot_now
fi

fleet_of_user after
$AS_USER sh -c 'fleetctl spawn 200 --parallel 50 -- sleep 1000 2>&1; echo "TELL after-spawn $?"; echo "TELL after-agents $(pgrep -fxc "sleep 1000")"; fleetctl shutdown --with-agents'

# An agent that takes more than it may have, when it is told to.
mkdir -p /srv
cat >/srv/agent <<'AGENT'
#!/bin/sh
while :; do
  if [ -e "/srv/grow-$1" ]; then rm "/srv/grow-$1"; exec tail /dev/zero; fi
  sleep 1
done
AGENT
chmod +x /srv/agent
cat >/srv/fleet.yaml <<'SPEC'
name: web
command: [/srv/agent, "{slot}"]
target: 5
ready: { after: 1s }
resources: { memory: { limit: 24M }, pids: 64 }
SPEC
fleetctl spawn -f /srv/fleet.yaml
tell memory-max "$(cat /sys/fs/cgroup/fleetd.slice/fleetd-agents.service/fleetd-*/web/2/memory.max)"
agents >/tmp/before
touch /srv/grow-2
until_true '[ ! -e /srv/grow-2 ] && agents | grep -q "^2 [1-9]" && ! agents | grep -qx "$(grep "^2 " /tmp/before)" && [ "$(ready)" = 5 ]'
agents >/tmp/after
tell oom-changed "$(diff /tmp/before /tmp/after | grep -c '^>') slot $(diff /tmp/before /tmp/after | sed -n 's/^> \([0-9]*\) .*/\1/p')"
tell oom-events "$(fleetctl events | grep -i 'memory' | head -1)"
tell oom-exit "$(fleetctl ps --json | grep -o '"lastExit":{[^}]*}')"

# A session that ends with all that was started in it: the supervisor is a unit of its own.
export FLEETD_STATE_DIR=/var/tmp/s FLEETD_RUNTIME_DIR=/run/s
systemd-run --quiet --scope --unit=login sh -c 'fleetctl spawn 3 --name other -- sleep 2000; sleep 1000' 2>/tmp/session &
until_true '[ "$(ready)" = 3 ]'
tell session-said "$(grep 'started the supervisor' /tmp/session)"
agents >/tmp/before
systemctl stop login.scope
fleetctl status >/dev/null
tell session-ended "$? ready $(ready)"
kill -9 "$(fleetctl status --json | sed -n 's/.*"supervisor":{"pid":\([0-9]*\).*/\1/p')"
sleep 2
until_true '[ "$(ready)" = 3 ]'
agents >/tmp/after
cmp -s /tmp/before /tmp/after && tell session-kill yes || tell session-kill no
fleetctl shutdown --with-agents
sleep 3
tell session-left "$(systemctl list-units --no-legend 'fleetd-????????????.service' | wc -l) $(pgrep -fc 'sleep 2000')"
