"""One libtorrent session driven by JSON lines: commands on stdin, events and replies on stdout.

argv[1] is a JSON object: {"profile": "default" | "high_performance_seed", "settings": {...}, "finds": ["lsd", "pex", "dht"]}.
Each command carries an "id"; its reply carries the same id under "reply".
"""
import json
import sys
import threading
import time

import libtorrent as lt

_lock = threading.Lock()
# A finished torrent's last pieces may not be in its files yet: done is what was flushed.
_flushed = threading.Event()


def say(**message):
    with _lock:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()


def settings_for(options):
    settings = lt.high_performance_seed() if options.get("profile") == "high_performance_seed" else {}
    settings.update({
        "listen_interfaces": "127.0.0.1:0",
        "outgoing_interfaces": "127.0.0.1",
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        # uTP crawls on loopback (about 10 MB/s), and what is spoken here is TCP.
        "enable_outgoing_utp": False,
        "enable_incoming_utp": False,
        "allow_multiple_connections_per_ip": True,
        # Trackers on loopback are refused by default, as a guard against requests forged through links.
        "ssrf_mitigation": False,
        "alert_mask": lt.alert.category_t.error_notification
        | lt.alert.category_t.status_notification
        | lt.alert.category_t.tracker_notification
        | lt.alert.category_t.storage_notification
        | lt.alert.category_t.connect_notification,
    })
    settings.update(options.get("settings", {}))
    return settings


def watch(session):
    """Turns libtorrent's alerts into event lines; a daemon thread."""
    while True:
        # Not wait_for_alert: it hands out a pointer into a queue that may move meanwhile, and the binding then crashes.
        time.sleep(0.02)
        for alert in session.pop_alerts():
            kind = type(alert).__name__
            if kind == "torrent_finished_alert":
                alert.handle.flush_cache()
            elif kind == "cache_flushed_alert":
                _flushed.set()
                say(event="finished")
            elif kind == "metadata_received_alert":
                say(event="metadata")
            elif kind in ("torrent_error_alert", "file_error_alert", "tracker_error_alert",
                          "hash_failed_alert", "peer_ban_alert", "listen_failed_alert"):
                say(event="trouble", kind=kind, text=alert.message())


def add(session, command, finds):
    if "magnet" in command:
        params = lt.parse_magnet_uri(command["magnet"])
    else:
        params = lt.add_torrent_params()
        params.ti = lt.torrent_info(command["torrent"])
    params.save_path = command["save"]
    off = {
        "pex": lt.torrent_flags.disable_pex,
        "dht": lt.torrent_flags.disable_dht,
        "lsd": lt.torrent_flags.disable_lsd,
    }
    for way, flag in off.items():
        params.flags = params.flags & ~flag if way in finds else params.flags | flag
    params.flags = params.flags & ~(lt.torrent_flags.paused | lt.torrent_flags.auto_managed)
    return session.add_torrent(params)


def wait_until_checked(handle):
    checking = (lt.torrent_status.checking_files, lt.torrent_status.checking_resume_data)
    for _ in range(5000):
        if handle.status().state not in checking:
            return
        time.sleep(0.001)


def status_of(handle):
    status = handle.status()
    done = status.total_payload_download == 0 or _flushed.is_set()
    return {
        "uploaded": status.total_payload_upload,
        "downloaded": status.total_payload_download,
        "done": status.total_done,
        "progress": status.progress,
        "seeding": status.is_seeding and done,
        "finished": status.is_finished and done,
        "state": str(status.state),
        "peers": status.num_peers,
        "failed": status.total_failed_bytes,
    }


def main():
    options = json.loads(sys.argv[1])
    session = lt.session(settings_for(options))
    threading.Thread(target=watch, args=(session,), daemon=True).start()
    say(event="listening", port=session.listen_port(), version=lt.version)
    handle = None
    for line in sys.stdin:
        command = json.loads(line)
        answer = {}
        try:
            name = command["command"]
            if name == "add":
                handle = add(session, command, options.get("finds", []))
            elif name == "connect":
                # A torrent that is still looking at its files puts the address off to the next second's tick.
                wait_until_checked(handle)
                handle.connect_peer((command["host"], command["port"]))
            elif name == "announce":
                handle.force_reannounce()
            elif name == "status":
                answer = status_of(handle)
            elif name == "quit":
                break
            else:
                raise ValueError("no such command: " + name)
        except Exception as error:  # told to the driver, which fails the test
            answer = {"error": repr(error)}
        say(reply=command["id"], **answer)
    # Leaving without libtorrent's farewell to trackers (up to 5 s) keeps the tests short.
    sys.stdout.flush()
    import os
    os._exit(0)


main()
