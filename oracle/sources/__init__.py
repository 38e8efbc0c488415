"""Where packs come from: the MQTT session of a member, a replayed file, and the demo's broker."""
