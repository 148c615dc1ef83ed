"""What the system tests share: programs, hosts on a network of their own, trees of files."""
