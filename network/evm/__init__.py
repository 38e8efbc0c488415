"""The ledger of obligations over any JSON-RPC endpoint: the embedded chain, Besu QBFT, FISCO BCOS, cosmos/evm, …

Workflow: `chain.Web3Chain` implements the port `Chain` for one key. abi.py turns arguments into call data and
events, results and custom errors back into plain values; requests.py asks the endpoint and tells its refusals from
its failures; proofs.py rebuilds headers, transactions and receipts from JSON and proves a receipt. Whoever has an
object with web3's `make_request(method, params)` has an endpoint: a web3 provider, or the embedded chain itself.

Every block that is shown counts as final: the engines we support finalise at once (the embedded sealer, QBFT, PBFT,
CometBFT). Clique and proof of work do not, and are not supported.
"""
