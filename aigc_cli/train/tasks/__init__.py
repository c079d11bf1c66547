"""What can be trained: one module per task with open_inputs, configure and prepare (see train/job.py)."""
