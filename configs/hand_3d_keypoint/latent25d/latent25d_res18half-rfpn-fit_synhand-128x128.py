"""`small-25d` as released: keypoints yield to what hands look like."""

_base_ = ['latent25d_res18half-rfpn_cut_synhand-128x128.py']

model = dict(bone_stiffness=1.0, keypoint_prior=True, head=dict(median=True))
