"""What a streaming client costs while its answer pauses."""
