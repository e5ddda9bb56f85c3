"""What ops/ has for those who run panolb is what the programs that read it expect."""
