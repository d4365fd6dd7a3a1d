"""``ccsproxy up --systemd`` under a systemd of its own: one that runs for this user in namespaces made for the test.

Needs root, for the namespaces, and systemd; runs where CCSPROXY_TEST_SYSTEMD says so (``make test-long``).
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

SYSTEMD = Path("/lib/systemd/systemd")
_SCRIPT = """
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system /run/user/0 "$HOME"
export XDG_RUNTIME_DIR=/run/user/0
unset DBUS_SESSION_BUS_ADDRESS
{systemd} --user --log-target=console > "$HOME/systemd.log" 2>&1 &
for i in $(seq 100); do [ -S /run/user/0/systemd/private ] && break; sleep 0.2; done
main() {{ systemctl --user show -p MainPID --value ccsproxy; }}
{ccsproxy} up --systemd -- --proxy-port 0 --api-port 0 > /dev/null
first=$(main)
echo "up $(systemctl --user is-active ccsproxy) $(systemctl --user is-enabled ccsproxy)"
kill -9 "$first"
for i in $(seq 200); do
    again=$(main)
    [ "$again" != 0 ] && [ "$again" != "$first" ] && [ "$(systemctl --user is-active ccsproxy)" = active ] && break
    sleep 0.2
done
[ "$again" != "$first" ] && echo "again $(systemctl --user is-active ccsproxy)"
{ccsproxy} status > /dev/null && echo "status $?"
{ccsproxy} down --systemd
left=$(ls "$HOME/.config/systemd/user" | grep -c ccsproxy.service || true)
echo "down $(systemctl --user is-active ccsproxy || true) $left"
"""


class UserSystemdTests(SynchronousTestCase):
    """From `up` to `down`, with a kill in between."""

    timeout = 240

    if not os.environ.get("CCSPROXY_TEST_SYSTEMD"):
        skip = "set CCSPROXY_TEST_SYSTEMD to run it"
    elif os.geteuid() or not SYSTEMD.exists() or shutil.which("unshare") is None:
        skip = "needs root, systemd and unshare"

    def test_up_killed_down(self) -> None:
        """It is active when `up` returns, and again after a kill; `down` leaves nothing."""
        home = Path(self.mktemp()).absolute()
        script = _SCRIPT.format(systemd=SYSTEMD, ccsproxy=Path(sys.executable).with_name("ccsproxy"))
        done = subprocess.run(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c", script],
            env={**os.environ, "HOME": str(home)},
            capture_output=True,
            text=True,
            check=False,
        )
        said = ["up active enabled", "again active", "status 0", "down inactive 0"]
        self.assertEqual(done.stdout.splitlines(), said, done.stderr)
