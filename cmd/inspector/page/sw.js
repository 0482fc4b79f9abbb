// The inspector's service worker begins here; package pages adds what keeps the page, with its program, for
// when the network is cut. It keeps nothing that was checked.
'use strict';

const kept = 'inspector-page-'; // its caches' names begin so
