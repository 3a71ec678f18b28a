# What the scripts of the guest share. They tell facts, a line each; the test on the host judges them.
export HOME=/root
export PATH=/opt/fleetd/bin:$PATH

tell() { echo "TELL $*"; }

# Installs the package, once; it survives reboots.
install_package() {
  [ -d /opt/fleetd ] || cp -r /run/payload/fleetd /opt/fleetd
}

# A reboot comes back to the script; `stage` counts the boots from 1.
stage() {
  count=$(($(cat /var/stage 2>/dev/null || echo 0) + 1))
  echo "$count" >/var/stage
  sync
  echo "$count"
}
reboot_now() {
  touch /run/rebooting
  systemctl --no-block reboot
  sleep 1000
}

# Waits up to five minutes for a command to succeed.
until_true() {
  tries=0
  until eval "$1"; do
    tries=$((tries + 1))
    if [ "$tries" -gt 600 ]; then
      tell gave-up "$1"
      return 1
    fi
    sleep 0.5
  done
}

ready() { fleetctl status --json 2>/dev/null | sed -n 's/.*"ready":\([0-9]*\).*/\1/p'; }
supervisor() { systemctl show -P MainPID fleetd.service; }
# Every agent as `slot pid`.
agents() { fleetctl ps --json | grep -o '"slot":[0-9]*\|"pid":[0-9]*' | sed 's/.*://' | paste -d' ' - - | sort -n; }
# Processes of agents, which lead their sessions: what an agent has just forked bears its words until it executes `sleep`.
agent_processes() { ps -eo pid=,sid=,args= | awk '$1 == $2 && $3 == "/bin/sh" && $4 == "/srv/agent"' | wc -l; }
journal_lines() { journalctl --sync; journalctl --quiet --no-pager -b | wc -l; }
# How many lines the journal has more than $2, and of which kinds if they are many. $1: what was done.
tell_journal() {
  more=$(($(journal_lines) - $2))
  tell "$1-journal" "$more"
  [ "$more" -lt 20 ] || journalctl -q --no-pager -b -o cat | tail -n "$more" | sed 's/[0-9][0-9]*/N/g' | sort | uniq -c | sort -rn | head -5
}
