"""What `make demo` trains: a tiny random Qwen3-Omni and four small tasks, one for each modality."""
