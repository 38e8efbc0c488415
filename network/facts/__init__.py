"""The ledger of facts behind the port `Ledger`: embedded on one machine, or Hyperledger Fabric."""
