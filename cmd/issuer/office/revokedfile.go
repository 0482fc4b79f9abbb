package office

import (
	"encoding/binary"
	"errors"
	"time"

	"go.etcd.io/bbolt"

	"railgate/cmd/issuer/acts"
	"railgate/verify"
)

// This file is how the register keeps what is revoked.

// from is since when each of a person's certificates is good.
func (rec *record) from() map[verify.CertificateID]time.Time {
	all := make(map[verify.CertificateID]time.Time, len(rec.Dossier.Certificates))
	for _, c := range rec.Dossier.Certificates {
		all[c.ID] = c.From
	}
	return all
}

// fileVoid files the revocation of what a change has made void.
func (r *register) fileVoid(tx *bbolt.Tx, rec *record, before map[verify.CertificateID]time.Time) error {
	for i := range rec.Dossier.Certificates {
		c := &rec.Dossier.Certificates[i]
		if c.From.Equal(before[c.ID]) {
			continue
		}
		if err := r.fileRevoked(tx, c.ID, rec.revocation(c)); err != nil {
			return err
		}
	}
	return nil
}

// fileRevoked files a revocation, which counts once it is on the disk. One that is there is
// never made smaller, and what somebody revoked stays so when its holder changes phones.
func (r *register) fileRevoked(tx *bbolt.Tx, id verify.CertificateID, v revoked) error {
	old, err := read[revoked](tx, revokedBucket, string(id))
	if err != nil {
		return err
	}
	if old != nil {
		v.Before, v.Until = max(v.Before, old.Before), max(v.Until, old.Until)
		if v.Reason == movedReason {
			v.Reason, v.By = old.Reason, old.By
		}
	}
	tx.OnCommit(func() { r.revocations.Add(1) })
	return write(tx, revokedBucket, string(id), v)
}

// revokeUnknown files a revocation of what is not on record here, with the act of whoever runs the issuer.
func (r *register) revokeUnknown(log *acts.Log, a acts.Act, id verify.CertificateID, v revoked) error {
	return r.db.Update(func(tx *bbolt.Tx) error { return errors.Join(r.fileRevoked(tx, id, v), log.Append(tx, a)) })
}

// voids is change for what makes several certificates void: the acts are recorded, and the
// revocations of slips filed, in the same transaction.
func (r *register) voids(log *acts.Log, holder verify.HolderID, by func(*record) ([]acts.Act, map[verify.CertificateID]revoked, error)) error {
	return r.db.Update(func(tx *bbolt.Tx) error {
		var done []acts.Act
		var slips map[verify.CertificateID]revoked
		err := r.changeIn(tx, holder, func(rec *record) (err error) { done, slips, err = by(rec); return err })
		if err != nil {
			return err
		}
		for id, v := range slips {
			if err := r.fileRevoked(tx, id, v); err != nil {
				return err
			}
		}
		for _, a := range done {
			if err := log.Append(tx, a); err != nil {
				return err
			}
		}
		return nil
	})
}

// holderOf is whose a certificate is; "" where it is not on record.
func (r *register) holderOf(id verify.CertificateID) (holder verify.HolderID, err error) {
	err = r.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(peopleBucket).ForEach(func(k, _ []byte) error {
			rec, err := read[record](tx, peopleBucket, string(k))
			if err != nil {
				return err
			}
			for _, c := range rec.Dossier.Certificates {
				if c.ID == id {
					holder = verify.HolderID(k)
				}
			}
			return nil
		})
	})
	return holder, err
}

// A listing is what is revoked now, for a list of it.
type listing struct {
	said  []verify.Revocation // somebody revoked them
	moved []verify.Revocation // another phone passed the check
	iat   uint64              // later than that of every list before, whatever the clock says
}

// nextList is what is to be listed now.
func (r *register) nextList(now uint64) (l listing, err error) {
	err = r.db.Update(func(tx *bbolt.Tx) error {
		l = listing{iat: now}
		err := eachRevoked(tx, func(id verify.CertificateID, v *revoked) error {
			part := &l.said
			if v.Reason == movedReason {
				part = &l.moved
			}
			if v.Until > now {
				*part = append(*part, verify.Revocation{Certificate: id, Before: v.Before, Until: v.Until})
			}
			return nil
		})
		if err != nil {
			return err
		}
		b := tx.Bucket(listedBucket)
		if last := b.Get([]byte("iat")); len(last) == 8 {
			l.iat = max(l.iat, binary.BigEndian.Uint64(last)+1)
		}
		return b.Put([]byte("iat"), binary.BigEndian.AppendUint64(nil, l.iat))
	})
	return l, err
}

func eachRevoked(tx *bbolt.Tx, do func(verify.CertificateID, *revoked) error) error {
	var ids []string
	if err := tx.Bucket(revokedBucket).ForEach(func(k, _ []byte) error { ids = append(ids, string(k)); return nil }); err != nil {
		return err
	}
	for _, id := range ids {
		v, err := read[revoked](tx, revokedBucket, id)
		if err != nil {
			return err
		}
		if err := do(verify.CertificateID(id), v); err != nil {
			return err
		}
	}
	return nil
}

// pruneRevoked takes off what can be valid no more.
func pruneRevoked(tx *bbolt.Tx, now uint64) error {
	return eachRevoked(tx, func(id verify.CertificateID, v *revoked) error {
		if v.Until > now {
			return nil
		}
		return tx.Bucket(revokedBucket).Delete([]byte(id))
	})
}
