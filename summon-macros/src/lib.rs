//! macros
use proc_macro::TokenStream;
/// x
#[proc_macro_attribute]
pub fn summon(_args: TokenStream, item: TokenStream) -> TokenStream { item }
