"""The same kubeconfig through real kubectl and through the zipapp, against logging servers."""
