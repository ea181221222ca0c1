// KEDA, for its definitions of resources alone: nothing of it is built.
module certmill/tests/kubernetes/crds

go 1.25.0

require github.com/kedacore/keda/v2 v2.21.0
