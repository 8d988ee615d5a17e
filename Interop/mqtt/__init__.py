"""MQTT interop: what clients of MQTT 3.1, 3.1.1 and 5.0 may rely on."""
