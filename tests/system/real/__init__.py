"""LocalSend implementations by other people, installed and run for the tests."""
