"""Records in, messages acknowledged by an MQTT broker out."""
