use summon::summon;

#[summon(tcp)]
fn no_value() {}

#[summon(tcp())]
fn empty_parentheses() {}

#[summon(tcp =)]
fn nothing_after_the_sign() {}

fn main() {}
