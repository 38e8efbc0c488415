"""The obligations chain behind the port `Chain`: embedded on one machine, or any JSON-RPC endpoint."""
