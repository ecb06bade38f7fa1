"""What others offer for the same work, as their documentation says; imported only where it plays."""
