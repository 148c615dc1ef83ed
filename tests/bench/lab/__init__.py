"""The benchmark's parts: opponents, links, measuring, reports."""
