"""What every Failsoft service needs and none owns."""
