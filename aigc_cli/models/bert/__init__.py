"""BERT: an encoder with the parameters and arithmetic of BertForPreTraining and BertForSequenceClassification."""
