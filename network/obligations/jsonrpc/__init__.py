"""The ledger of obligations over any JSON-RPC endpoint.

Workflow of a port: `chain.Web3Chain` implements `Chain` for one key. abi.py turns arguments into call data, and events,
results and custom errors back into plain values; sending.py brings a transaction into a block exactly once; refusals.py
finds out why a contract refused; proofs.py proves a receipt of an engine with Ethereum's own hashes, comet.py a
transaction of a CometBFT chain. requests.py asks an endpoint: whatever has web3's `make_request(method, params)`, be it
web3.py's provider, several of them as one (endpoints.py), or the embedded chain. circle.py opens it for a seat, and
deployment.py keeps where the contracts are.

Every block that is shown counts as final: CometBFT, QBFT, PBFT and the embedded sealer decide each for good, and for
others a connection states after how many blocks. Clique and proof of work never do, and are not supported.
"""
