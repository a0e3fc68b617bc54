"""Tests of the synthetic VPC."""
