"""Starts agents so that their calls pass through the proxy and nothing of the user's is changed (contract, section
11).
"""
