"""Builds images on Docker engines and publishes them."""
