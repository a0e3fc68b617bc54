"""Tests of what is delivered: the locks, the images, compose.yaml and the Kubernetes files."""
