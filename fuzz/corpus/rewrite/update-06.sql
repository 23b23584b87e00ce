UPDATE services SET a = b @-- c WHERE d = 1
 + c