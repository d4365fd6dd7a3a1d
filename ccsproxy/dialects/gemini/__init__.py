"""Google's generateContent and Interactions."""
