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
journal_lines() { journalctl --quiet --no-pager -b | wc -l; }
