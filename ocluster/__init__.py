"""OCluster: a cluster of build machines behind one scheduler, spoken to in Cap'n Proto over TLS.

Two sides, which share `ocluster.pipe` alone:

- in the runner: `client` (one for each capability file), `capability`, `pools`;
- in a process of its own (`python -m ocluster.follower`): `rpc/` (the connection and its guards) and `follower/` (the jobs).
  pycapnp is C++ that a strange peer can bring down; it must not take the runner with it.
"""
