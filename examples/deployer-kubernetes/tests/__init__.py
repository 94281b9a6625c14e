"""Tests of the plugin: against a real cluster where its programs are given, else against what one answered."""
