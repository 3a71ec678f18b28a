# The supervisor as a service: installed, booted, restarted, killed, stopped, upgraded, shut down with 300 agents.
. /run/payload/lib.sh
AGENTS=300
stage=$(stage)
install_package

fleet() {
  mkdir -p /srv
  # An agent that notes when it was told to end, and takes a second for it.
  cat >/srv/agent <<'AGENT'
#!/bin/sh
trap 'echo "$1 $(cut -d" " -f1 /proc/uptime) TERM" >>/srv/ends; sleep 1; exit 0' TERM
echo ready
while :; do sleep 1000 & wait $!; done
AGENT
  chmod +x /srv/agent
  cat >/srv/fleet.yaml <<'SPEC'
name: web
command: [/srv/agent, "{slot}"]
target: 300
ready: { after: 1s }
rounds: { parallel: 60, delay: 1s }
stop: { grace: 20s, parallel: 50 }
SPEC
}

settled() { [ "$(ready)" = "$AGENTS" ]; }

# What must not change, whatever happens to the supervisor. $1: what was done; $2: the command.
disturb() {
  agents >/tmp/before
  lines=$(journal_lines)
  old=$(supervisor)
  eval "$2"
  until_true "[ \"\$(supervisor)\" != $old ] && [ \"\$(supervisor)\" != 0 ] && settled"
  agents >/tmp/after
  cmp -s /tmp/before /tmp/after && same=yes || same=no
  tell "$1-pids-same" "$same"
  tell "$1-agents" "$(wc -l </tmp/after)"
  tell_journal "$1" "$lines"
}

case $stage in
1)
  fleet
  fleetctl install -f /srv/fleet.yaml >/tmp/install.out 2>&1
  tell install-code $?
  grep -q '^failed' /tmp/install.out && cat /tmp/install.out
  tell install-again "$(fleetctl install -f /srv/fleet.yaml 2>&1)"
  tell active "$(systemctl is-active fleetd.service fleetd-agents.service fleetd-drain.service fleetd-watchdog.timer | xargs)"
  fleetctl spawn -f /srv/fleet.yaml >/tmp/spawn.out 2>&1
  tell spawn-code $?
  [ "$(ready)" = "$AGENTS" ] || cat /tmp/spawn.out
  reboot_now
  ;;
2 | 3)
  until_true settled
  tell boot "$stage ready $(ready) processes $(agent_processes)"
  tell boot-failed "$(systemctl --failed --no-legend | xargs)"
  ;;
esac

if [ "$stage" = 2 ]; then
  cat /srv/ends | sed 's/^/ENDED /'
  tell ended "$(wc -l </srv/ends)"
  tell ended-killed "$(journalctl -q -b -1 -u fleetd-agents.service | grep -ci 'kill')"
  tell drain-result "$(journalctl -q -b -1 -u fleetd-drain.service -o cat | tr '\n' '|')"
  grep '=' /etc/sysctl.d/60-fleetd.conf | grep -v '^#' | while read -r key _ value; do
    tell sysctl "$key wanted $value has $(sysctl -n "$key" | tr '\t' ' ')"
  done
  tell tasks-max "$(systemctl show -P TasksMax user-0.slice user-1000.slice fleetd.service fleetd-agents.service fleetd.slice | xargs)"
  tell nofile "$(grep 'Max open files' /proc/"$(pgrep -fo '^/bin/sh /srv/agent')"/limits | tr -s ' ')"
  tell oom "$(cat /proc/"$(supervisor)"/oom_score_adj) $(cat /proc/"$(pgrep -fo '^/bin/sh /srv/agent')"/oom_score_adj)"
  tell home "$(cut -d: -f3 /proc/"$(pgrep -fo '^/bin/sh /srv/agent')"/cgroup)"
  disturb restart 'systemctl restart fleetd.service'
  disturb kill 'kill -9 $old'
  disturb hang 'kill -STOP $old'
  # An upgrade: another copy of the package in the place of the old one.
  disturb upgrade 'cp -r /run/payload/fleetd /opt/new && mv /opt/fleetd /opt/old && mv /opt/new /opt/fleetd && rm -r /opt/old && systemctl restart fleetd.service'
  agents >/tmp/before
  fleetctl shutdown
  sleep 5
  tell shutdown-state "$(systemctl show -P ActiveState -P Result fleetd.service | xargs) agents $(agent_processes)"
  tell home-stays "$(ls -d /sys/fs/cgroup/fleetd.slice/fleetd-agents.service/fleetd-*)"
  disturb_start=$(journal_lines)
  systemctl start fleetd.service
  until_true settled
  agents >/tmp/after
  cmp -s /tmp/before /tmp/after && tell start-pids-same yes || tell start-pids-same no
  tell_journal start "$disturb_start"
  rm -f /srv/ends
  reboot_now
fi
tell ended-again "$(wc -l </srv/ends)"
until_true '[ "$(ready)" = 300 ]'
sleep 3
tell final "$(agent_processes)"
journalctl -q --no-pager -b -u fleetd.service -u fleetd-agents.service -u fleetd-drain.service -u fleetd-watchdog.service | tail -30
