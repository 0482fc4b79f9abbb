// Package mint makes what package verify checks: signing keys and their rotation,
// credentials, and the wallets that show their codes. The issuer, the bench, the
// station and tests share it; a gate has none of it.
//
//	KeyFile   an issuer's private keys, and the keyset that gates read
//	Signer    one private key
//	Order     what a credential is to say
//	Wallet    a phone, or a sheet of paper: a credential and what makes its codes
package mint
