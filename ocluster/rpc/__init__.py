"""Cap'n Proto RPC with capnp-rpc, the OCaml implementation: its addresses, its TLS, its restorer, and pycapnp's guards."""
