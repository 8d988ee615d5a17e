"""What the server says first, and the forms of CONNECT."""

from __future__ import annotations

from godwit_rig import NATSWire


def test_info_has_every_field_clients_read(broker):
    with NATSWire(broker("nats").address("nats")) as client:
        info = client.info
        expected = {
            "server_id": str,
            "server_name": str,
            "version": str,
            "proto": int,
            "go": str,
            "host": str,
            "port": int,
            "headers": bool,
            "max_payload": int,
            "client_id": int,
            "client_ip": str,
        }
        assert {key: type(info.get(key)) for key in expected} == expected
        assert info["proto"] == 1
        assert info["headers"] is True
        assert info["max_payload"] == 1_048_576
        assert info["client_ip"] == "127.0.0.1"
        assert not info.get("auth_required", False)
        assert not info.get("tls_required", False)
