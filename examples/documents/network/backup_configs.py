"""backup_configs.py: save the running configuration of every router and switch, once a night.

Copies are written to the share vault-net, one folder per device and one file per day. Files older than 400 days are
removed. A device that does not answer is retried twice and then reported to the network duty officer by mail.

The list of devices is the sheet "Routers and switches" of the equipment register, exported as CSV.
"""

from __future__ import annotations

import csv
import datetime as dt
import subprocess
from pathlib import Path

SHARE = Path("/mnt/vault-net")
REGISTER = Path("/srv/management/routers-and-switches.csv")
KEEP_DAYS = 400
RETRIES = 2
MAIL_TO = "network-duty@varnsund.example"


def devices() -> list[tuple[str, str]]:
    """Asset number and management address of every device that is marked as in service."""
    with REGISTER.open(encoding="utf-8", newline="") as lines:
        return [(row["Asset"], row["Address"]) for row in csv.DictReader(lines) if row["Status"] == "in service"]


def running_config(address: str) -> str | None:
    """The configuration as text, or None if the device does not answer after all retries."""
    for _ in range(RETRIES + 1):
        # Older units close the connection after the banner, so the command is sent with it.
        done = subprocess.run(["ssh", address, "show running"], capture_output=True, text=True, timeout=90)
        if done.returncode == 0:
            return done.stdout
    return None


def prune(folder: Path, today: dt.date) -> None:
    """Remove copies that are older than KEEP_DAYS."""
    for copy in folder.glob("*.cfg"):
        if (today - dt.date.fromisoformat(copy.stem)).days > KEEP_DAYS:
            copy.unlink()


def main() -> None:
    today = dt.date.today()
    silent = []
    for asset, address in devices():
        text = running_config(address)
        if text is None:
            silent.append(asset)
            continue
        folder = SHARE / asset
        folder.mkdir(exist_ok=True)
        (folder / f"{today}.cfg").write_text(text, encoding="utf-8")
        prune(folder, today)
    if silent:
        body = "No answer from: " + ", ".join(silent)
        subprocess.run(["mail", "-s", "Configuration backup incomplete", MAIL_TO], input=body, text=True, check=True)


if __name__ == "__main__":
    main()
