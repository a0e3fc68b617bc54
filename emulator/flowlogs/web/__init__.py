"""The emulator's page for flow logs and the simulated world.

`pages` answers requests for it and for its JSON, `page` renders the HTML, and `network` reads the VPCs,
subnets and interfaces that it lists. The files `page.html`, `page.css` and `page.js` are beside them.
"""
