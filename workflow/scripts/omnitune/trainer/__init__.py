"""What runs inside ms-swift's process: kept apart from the library that starts it."""
