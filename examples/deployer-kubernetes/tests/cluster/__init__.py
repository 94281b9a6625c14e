"""A real cluster of one node, started by the tests and gone with them.

It needs root, the programs of Kubernetes in the directory that `DEPLOYER_TEST_KUBE_BIN` names (kube-apiserver,
kube-controller-manager, kube-scheduler, kubelet), and on the PATH or there etcd, containerd, runc, docker-registry and
busybox (Debian: etcd-server containerd runc docker-registry busybox-static).
"""
