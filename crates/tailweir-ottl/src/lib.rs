//! OTTL: lex, parse, check, evaluate; knows nothing of spans.
