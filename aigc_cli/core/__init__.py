"""What every stage stands on; knows no stage and no model."""
