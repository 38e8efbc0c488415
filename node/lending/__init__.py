"""What a credit officer asks: the situation of a receipt, the collateral answer, facilities, and overdue duties."""
